/** A thread that checks signatures: takes a batch of them, writes an answer beside each and says that it is done. */
import { parentPort } from 'node:worker_threads';
import { verifyStrict } from '../core/ed25519.js';
import { nodeBackend } from './node-crypto.js';
import { type BatchMessage, openBatch } from './signature-batch.js';

parentPort?.on('message', ({ memory, id, count }: BatchMessage) => {
  const batch = openBatch(memory);
  for (let at = 0; at < count; at++) {
    const { publicKey, hash, signature } = batch.read(at);
    batch.answer(at, verifyStrict(nodeBackend, publicKey, hash, signature) === true);
  }
  parentPort?.postMessage(id);
});
