/**
 * Who gets in: the one-time code of an opened link, the cookie that it is exchanged for, and the proof by which a second
 * start knows the first (docs/dashboard.md "Who gets in"). All are made from the secret of the home.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long a code may be used after it was made, in milliseconds. */
export const CODE_LIFE_MS = 60_000;

const CODE = /^([0-9a-z]{1,11})\.([0-9a-f]{32})\.([0-9a-f]{64})$/;
const CHALLENGE = /^[0-9a-f]{32,128}$/;

/** The passes of one server: one secret, one port. */
export interface Passes {
  /** Cookies of one host are shared by all its ports: the name tells homes and ports apart. */
  readonly cookieName: string;
  readonly cookieValue: string;
  /** Makes a code for a link. Any process that knows the secret may: it needs no word with the server. */
  makeCode(nowMs: number): string;
  /** Whether a code is good; it is not a second time. Untrusted text. */
  takeCode(code: string, nowMs: number): boolean;
  /** Whether a `Cookie` header holds the cookie. Untrusted text. */
  hasCookie(header: string | undefined): boolean;
  /** What only a holder of the secret can answer to a challenge; `undefined` for what is none. Untrusted text. */
  answerChallenge(challenge: string): string | undefined;
}

/** @param secretHex 64 hex digits. */
export function createPasses(secretHex: string, port: number): Passes {
  const key = Buffer.from(secretHex, 'hex');
  const sign = (use: string, text: string): string =>
    createHmac('sha256', key).update(`agentguard ${use} ${port} ${text}`).digest('hex');
  const home = createHash('sha256').update('agentguard home ').update(key).digest('hex').slice(0, 8);
  const cookieName = `agentguard_${home}_${port}`;
  const cookieValue = sign('cookie', '');
  const used = new Map<string, number>();
  return {
    cookieName,
    cookieValue,
    makeCode(nowMs) {
      const text = `${(nowMs + CODE_LIFE_MS).toString(36)}.${randomBytes(16).toString('hex')}`;
      return `${text}.${sign('code', text)}`;
    },
    takeCode(code, nowMs) {
      for (const [old, untilMs] of used) if (untilMs <= nowMs) used.delete(old);
      const match = CODE.exec(code);
      const [, until = '', nonce = '', mac = ''] = match ?? [];
      const untilMs = Number.parseInt(until, 36);
      const isGood = match !== null && isSame(mac, sign('code', `${until}.${nonce}`)) && !used.has(nonce);
      // A code from the future comes from a clock that was set back: it would live too long.
      if (!isGood || untilMs <= nowMs || untilMs > nowMs + CODE_LIFE_MS) return false;
      used.set(nonce, untilMs);
      return true;
    },
    hasCookie(header) {
      const cookies = (header ?? '').split(';').map((one) => one.trim());
      return cookies.some((one) => isSame(one, `${cookieName}=${cookieValue}`));
    },
    answerChallenge: (challenge) => (CHALLENGE.test(challenge) ? sign('alive', challenge) : undefined),
  };
}

/** Compares in a time that tells nothing about where two texts differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
