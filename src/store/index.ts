/** The ledger on this machine: where it is, how it is written and how it is read. */
export { type Durability, type LedgerOptions, type LedgerStore, openLedger } from './ledger.js';
export type { Line } from './lines.js';
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './memory-store.js';
export { createNodeSigner, nodeBackend } from './node-crypto.js';
export { listScopes, locateScope, openHome, resolveHome, type ScopePaths } from './paths.js';
export { createPriceSource, type PriceSource, type PriceState } from './price-source.js';
export { decodeScopeName, encodeScopeName } from './scope-folder.js';
export { type FollowEvent, type FollowOptions, followLedger, type LineRun, readLines } from './tail.js';
