/** Socket paths short enough for the kernel, for homes of any length. */
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentGuardError } from '../core/errors.js';

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, one of them the final NUL. Longer ones are cut silently. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Calls `use` with a path of `name` in `folder` that fits into a socket address: the path itself, or one through a link
 * in a private temporary folder that exists only during the call.
 *
 * @throws AgentGuardError HOME_UNSAFE when even that is too long.
 */
export async function withSocketPath<T>(
  folder: string,
  name: string,
  use: (path: string) => Promise<T>,
  temporary: string = tmpdir(),
): Promise<T> {
  const direct = join(folder, name);
  if (Buffer.byteLength(direct) <= MAX_SOCKET_PATH_BYTES) return use(direct);
  const detour = join(temporary, 'agXXXXXX', 'h', name);
  if (Buffer.byteLength(detour) > MAX_SOCKET_PATH_BYTES) {
    throw new AgentGuardError('HOME_UNSAFE', `${folder} is too long for a socket, and so is ${temporary}.`, {
      hint: 'Set AGENTGUARD_HOME or TMPDIR to a shorter path.',
    });
  }
  const own = await fs.mkdtemp(join(temporary, 'ag'));
  try {
    await fs.symlink(folder, join(own, 'h'));
    return await use(join(own, 'h', name));
  } finally {
    await fs.rm(own, { recursive: true, force: true });
  }
}
