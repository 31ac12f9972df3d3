/** OpenRouter's own numbers, read over the network: prices now, the account's figures where a command asks for them. */
export { findAddressFault, parseAddress, showAddress } from './address.js';
export { type Client, type ClientOptions, createClient } from './client.js';
export type { JsonAnswer, Validators } from './http-get.js';
export { fetchEndpoints, fetchModels, MODELS_URL } from './models.js';
export { listJumps, type SyncOptions, type SyncReport, syncPrices, type UnknownModels } from './sync.js';
