/** The stand-in for OpenRouter that `agentguard demo` and the tests talk to. */
export type { BillEntry } from './bill.js';
export type { StandInModel } from './catalogue.js';
export { MODEL_TABLE } from './model-table.js';
export { FAKE_KEY_HASH, REFUSAL_NAMES } from './refusals.js';
export type { RecordedRequest } from './request-log.js';
export type { Script, ScriptStep } from './script.js';
export { type StandIn, type StandInOptions, startStandIn } from './server.js';
