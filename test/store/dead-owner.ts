/** A home whose price lock is held by an instance that died: its socket is there and nobody listens. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const HOLDER = fileURLToPath(new URL('fixtures/hold-prices.mjs', import.meta.url));

/** Starts a process that takes the lock, and kills it. */
export async function putDeadOwner(home: string): Promise<void> {
  const holder = spawn(process.execPath, [HOLDER, home], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
}
