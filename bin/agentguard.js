#!/usr/bin/env node
// Starts the command line. Without a build it says how to make one.
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(entry)) {
  process.stderr.write('agentguard: error: this checkout is not built yet\nhint: npm run build\n');
  process.exit(3);
}
const { start } = await import(entry.href);
await start();
