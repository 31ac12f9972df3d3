/** Finds the dashboard that already runs on a home, so that a second start leads to the first. */
import { randomBytes } from 'node:crypto';
import { get } from 'node:http';
import { openHome } from '../store/paths.js';
import { printLink } from './dashboard.js';
import { createPasses, isSame } from './passes.js';
import { openServeState } from './serve-file.js';

const TIMEOUT_MS = 1_000;

export interface RunningDashboard {
  readonly url: string;
  /** An address that lets a browser in, once, within a minute. */
  makeLink(): string;
}

/**
 * A dashboard of the same home that shows the same and answers. Nothing is told to a program that merely has its port:
 * it must prove first that it knows the secret of the home.
 *
 * @throws AgentGuardError as `openHome`
 */
export async function findRunning(
  home: string,
  scope: string | null,
  wantedPort: number | undefined,
): Promise<RunningDashboard | undefined> {
  const { secretHex, servers } = await openServeState(await openHome(home));
  for (const { port, scope: shown } of servers) {
    if (shown !== scope || (wantedPort !== undefined && wantedPort !== port)) continue;
    const passes = createPasses(secretHex, port);
    const challenge = randomBytes(32).toString('hex');
    const answer = await ask(port, `/alive?challenge=${challenge}`);
    const url = `http://localhost:${port}/`;
    if (isSame(answer, passes.answerChallenge(challenge) ?? ''))
      return { url, makeLink: () => printLink(url, passes, Date.now()) };
  }
  return undefined;
}

function ask(port: number, path: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, timeout: TIMEOUT_MS, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
        if (text.length > 1_024) request.destroy();
      });
      response.on('close', () => resolve(text));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(''));
  });
}
