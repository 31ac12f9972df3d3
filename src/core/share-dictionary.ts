/**
 * The text that links to receipts are compressed against: what the rows of this package have in common. Part of version 1
 * of the links: a changed letter makes every link that was ever given out unreadable.
 */

// What is met most often stands last, where it is cheapest to refer to.
export const SHARE_DICTIONARY = [
  'c2sp.org/tlog-proof@v1\nindex 1\n\nagentguard/\n\n\u2014 agentguard/ ',
  '"actualCents":1,"actualInputTokens":1,"actualOutputTokens":1,"actualUsd":"0.0","attempt":1,"costSource":"provider",',
  '"costSource":"computed","costSource":"reserved","deltaCents":0,"entryType":"settlement","entryType":"outcome",',
  '"originalDecisionId":"","outcome":"answered","partial":false,"servedModel":"","servedProvider":"",',
  '"approvedBy":"","policies":[{"hash":"","id":"","version":1}],"priceTableAgeMs":0,"priceTableHash":"","rateSource":"override",',
  '"rateSource":"synced","rateSource":"bundled","tripped":true,"window":"per_hour","window":"per_week","window":"per_month",',
  '"window":"total","downgradeTo":"","reason":"","unit":"tokens","wouldAction":"block","wouldModel":"",',
  '"given":{"quotes":{"":{"estimatedInputTokens":1,"estimatedOutputTokens":1,"expectedUsd":"0.0","inputTokensBound":1,',
  '"outputTokensBound":1,"reservedUsd":"0.0"}}},"refusal":{"alternatives":[""],"code":"cap_exceeded"},',
  '"triggeredCap":{"action":"block","amountCents":1,"amountUsd":"0.0","index":0,"reason":"","window":"per_call"},',
  '"anthropic/claude-opus-4.7","anthropic/claude-sonnet-4.6","anthropic/claude-haiku-4.5","openai/gpt-5","google/gemini-',
  '{"decision":{"action":"downgrade","action":"shadow","action":"block","action":"allow","actor":{"agentId":"","environment":"production",',
  '"provider":"openrouter","sessionId":"","taskId":"","teamId":"","tenantId":"","userId":"","workflowId":""},"attempt":1,',
  '"capabilityClaim":null,"caps":[{"action":"block","adds":"1","held":"0","index":0,"limit":"1","resetsAt":"2026-11-20T00:00:00.000Z",',
  '"scopeKey":"tenantId=","spent":"0","tripped":false,"unit":"requests","window":"per_minute","windowStart":"2026-11-20T00:00:00.000Z"},',
  '{"action":"block","addsUsd":"0.00","heldUsd":"0","index":1,"limitUsd":"0.0","resetsAt":null,"scopeKey":"tenantId=","spentUsd":"0","tripped":false,',
  '"window":"per_call","windowStart":null},{"action":"block","addsUsd":"0.00","heldUsd":"0","index":2,"limitUsd":"1","resetsAt":"2026-12-01T00:00:00.000Z",',
  '"scopeKey":"tenantId=/teamId=/userId=","spentUsd":"0.0","tripped":false,"window":"per_day","windowStart":"2026-11-01T00:00:00.000Z"}],',
  '"costBasis":{"inputCentsPerKtok":"0.0","inputUsdPerToken":"0.000000","maxInputUsdPerToken":"0.000000","maxOutputUsdPerToken":"0.00000",',
  '"outputCentsPerKtok":"0.0","outputUsdPerToken":"0.00000","rateSource":"override"},"decisionId":"","enforcementMode":"enforce",',
  '"estimatedInputTokens":1,"estimatedOutputTokens":1,"expectedUsd":"0.0","formatVersion":1,"given":{},"inputTokensBound":1,"instance":"",',
  '"ledgerId":"","ledgerIndex":1,"ledgerPreviousHash":"0000000000000000000000000000000000000000000000000000000000000000",',
  '"modelRequested":"","modelResolved":"","outputTokensBound":1,"path":"/chat/completions","path":"direct","policyHash":"","policyId":"",',
  '"policyVersion":1,"projectedCents":1,"provider":"openrouter","reasons":[": block cap $0. per_day (tenantId=): the call may cost $0."],"reasons":[],',
  '"requiredCapability":null,"reservedUsd":"0.0","timestamp":"2026-11-20T00:00:00.000Z","triggeredCap":null,"triggeredScopeKey":null,',
  '"windowSpendAfter":1,"windowSpendBefore":0},"previousHash":"","sequence":1,"signerFingerprint":"","entryHash":"","signature":"","publicKeyHex":""}',
].join('');
