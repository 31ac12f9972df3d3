/** The dashboard as commands run it: started, shown to the person, served until Ctrl-C. */
import { findRunning, startDashboard } from '../server/index.js';
import { CleanStop } from './cli-error.js';
import type { CommandContext } from './context.js';
import { readPackageVersion } from './package-version.js';

export interface ServeOptions {
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  readonly scope: string | null;
  /** Opens a browser where a person looks. */
  readonly opens: boolean;
}

/**
 * Leads to the dashboard that already runs and returns, or serves until the process is asked to end.
 * @throws CleanStop once it was, AgentGuardError as `startDashboard`
 */
export async function serveUntilStopped(context: CommandContext, options: ServeOptions): Promise<void> {
  const { home } = context;
  const { port, host, scope } = options;
  const running = host === undefined ? await findRunning(home, scope, port) : undefined;
  if (running) {
    await show(context, options, { ...running, isRunning: true });
    return;
  }
  const stopped = waitForStop(context);
  const dashboard = await startDashboard({ home, scope, port, host, version: readPackageVersion() });
  try {
    await show(context, options, { ...dashboard, isRunning: false });
    await stopped;
  } finally {
    await dashboard.close();
  }
  throw new CleanStop();
}

interface Shown {
  readonly url: string;
  makeLink(): string;
  readonly isRunning: boolean;
}

/** One line with the address. Where no browser opened, the link that lets one in stands beside it. */
async function show(context: CommandContext, { opens }: ServeOptions, { url, makeLink, isRunning }: Shown) {
  const { out, json, quiet } = context;
  const link = makeLink();
  const isOpened = opens && out.isTerminal && !json && (await openBrowser(context, link));
  if (json) out.json({ url, link, running: isRunning });
  else if (!quiet) {
    const what = isRunning ? 'Dashboard, already running' : 'Dashboard';
    out.line(isOpened ? `${what}: ${url}` : `${what}: ${url}  open within a minute: ${link}`);
  }
}

async function openBrowser({ io }: CommandContext, link: string): Promise<boolean> {
  // Without a display there is nothing to open, and some systems would start a browser inside the terminal.
  if (process.platform === 'linux' && !io.env.DISPLAY && !io.env.WAYLAND_DISPLAY && !io.env.WSL_DISTRO_NAME)
    return false;
  try {
    const { default: open } = await import('open');
    const child = await open(link);
    child.on('error', () => {});
    return true;
  } catch {
    return false;
  }
}

/** Ctrl-C, or a supervisor's word. */
function waitForStop({ io }: CommandContext): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGTERM', stop);
      resolve();
    };
    process.on('SIGTERM', stop);
    if (io.signal.aborted) stop();
    io.signal.addEventListener('abort', stop, { once: true });
  });
}
