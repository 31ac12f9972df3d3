/** Starts the dashboard's page with the data that its own file holds: nothing is asked of anybody. */
import './page.css';
import { decodeBase64 } from '../../src/core/base64.js';
import { decodeUtf8 } from '../../src/core/bytes.js';
import { SNAPSHOT_VERSION, type SnapshotData } from '../../src/core/snapshot-data.js';
import { startApp } from '../app.js';
import { inflate } from '../verify-page/compression.js';
import { createStaticSource } from './static-source.js';

/** More than any snapshot that the command line writes. */
const MAX_DATA_BYTES = 1_000_000_000;

async function start(root: HTMLElement): Promise<void> {
  root.textContent = 'Reading the rows in this file…';
  const data = await readData(document.getElementById('snapshot')?.textContent ?? '');
  root.textContent = '';
  if (!data) {
    root.textContent =
      'This file holds no snapshot that this page can read: it was cut off, or is of another version.';
    return;
  }
  startApp(root, createStaticSource(data));
}

async function readData(text: string): Promise<SnapshotData | undefined> {
  const packed = decodeBase64(text.trim());
  const bytes = packed && (await inflate(packed, MAX_DATA_BYTES));
  try {
    const data = JSON.parse((bytes && decodeUtf8(bytes)) ?? 'null') as SnapshotData | null;
    return data?.version === SNAPSHOT_VERSION ? data : undefined;
  } catch {
    return undefined;
  }
}

const root = document.getElementById('app');
if (root) void start(root);
