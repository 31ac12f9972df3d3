/** Prints at the end of a run what was skipped, and how to get it. */
import type { Reporter, TestCase } from 'vitest/node';

export default class SkipReporter implements Reporter {
  readonly #skipped: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.result().state === 'skipped') this.#skipped.push(test.fullName);
  }

  onTestRunEnd(): void {
    if (this.#skipped.length === 0) {
      process.stdout.write('\nNothing was skipped.\n');
      return;
    }
    process.stdout.write(`\nSkipped (${this.#skipped.length}):\n`);
    for (const name of this.#skipped) process.stdout.write(`  ${name}\n`);
    process.stdout.write(
      'To run them: AGENTGUARD_DATA=<folder of reference data> for conformance tests, SLOW=1 for the long ones, Chromium for the page.\n',
    );
  }
}
