// What every process of the torture decides by: tight enough to refuse, wide enough to spend.
export const CAP_CENTS = 600;
export const POLICY = {
  id: 'torture',
  name: 'Torture',
  scope: { tenantId: 'torture' },
  caps: [{ amountCents: CAP_CENTS, window: 'per_minute', action: 'block' }],
  mode: 'enforce',
  version: 1,
  effectiveFrom: '2026-01-01T00:00:00Z',
};
