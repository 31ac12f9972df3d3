/** The isomorphic core: everything needed to check receipts, in Node and in browsers. */
export * from './errors.js';
export * from './money.js';
