/** What came of it: the answer in one line, four verdicts with their evidence, whose key, caps, problems, what stays open. */
import type { JSX } from 'preact';
import type { FileOutcome } from '../../src/core/file-verification.js';
import type { Answer, Verdict, Verdicts } from '../../src/core/report.js';
import { Icon, type IconName } from '../icons.js';
import { countOf, showText } from '../text.js';
import { CapList } from './cap-list.js';
import { KeyTable } from './key-table.js';
import { OpenQuestions } from './open-questions.js';
import { ProblemTable } from './problem-table.js';
import { SingleReceipt } from './single-receipt.js';
import type { TaskResult } from './verification.js';

const ICONS: Readonly<Record<Answer, IconName>> = { yes: 'allow', no: 'close', unknown: 'unknown' };
const NAMES = ['authentic', 'contiguous', 'complete', 'lawful'] as const;
const QUESTIONS: Readonly<Record<(typeof NAMES)[number], string>> = {
  authentic: 'Who signed it?',
  contiguous: 'Was anything changed or taken out?',
  complete: 'Was anything cut off the end?',
  lawful: 'Did the limits hold?',
};
const INTACT = 'The receipt is intact: exactly what the holder of its key signed.';
const ANSWERS: Readonly<Record<Answer, string>> = { yes: 'shown', no: 'refuted', unknown: 'not shown' };

export function ResultView({ result }: { readonly result: TaskResult }): JSX.Element {
  const { outcomes, report, single, given } = result;
  const rows = outcomes.reduce((sum, outcome) => sum + outcome.report.rows, 0);
  const isNothing = outcomes.every((one) => one.report.rows === 0 && one.report.problemCount === 0);
  const remark = given.find((one) => one.kind === 'rows' && one.remark)?.remark;
  return (
    <div class="proof-result" aria-live="polite">
      {isNothing ? (
        <Nothing result={result} />
      ) : (
        <>
          <Headline
            verdicts={report.verdicts}
            remark={rows === 0 ? remark : undefined}
            isIntact={single?.check.ok === true}
          />
          <VerdictCards verdicts={report.verdicts} />
          {outcomes.map((outcome) => (
            <Outcome key={outcome.report.path} outcome={outcome} result={result} />
          ))}
          {single && <SingleReceipt line={single.line} check={single.check} />}
          <OpenQuestions verdicts={report.verdicts} isSingle={single !== undefined} />
          <p class="dim num proof-took">
            {countOf(rows, 'row')} checked in {Math.max(1, Math.round(result.tookMs)).toLocaleString('en-US')}{' '}
            ms with{' '}
            {result.backend === 'webcrypto' ? 'WebCrypto' : 'the page’s own Ed25519 (no WebCrypto here)'}.
          </p>
        </>
      )}
    </div>
  );
}

function Nothing({ result }: { readonly result: TaskResult }): JSX.Element {
  const helps = result.given.some(
    ({ kind }) => kind === 'checkpoint' || kind === 'policy' || kind === 'trust',
  );
  const [first] = result.given.filter(({ remark }) => remark);
  return (
    <p class="verdict verdict-open" role="status">
      <Icon name="unknown" />
      <span>
        <b>Nothing to verify yet.</b>{' '}
        {first?.remark
          ? showText(first.remark)
          : helps
            ? 'What you gave helps to judge rows. Now give the ledger or receipt itself.'
            : 'There are no rows in what you gave.'}
      </span>
    </p>
  );
}

function Headline({
  verdicts,
  remark,
  isIntact,
}: {
  readonly verdicts: Verdicts;
  readonly remark: string | undefined;
  /** One receipt, of which each step holds. */
  readonly isIntact: boolean;
}): JSX.Element {
  const list = (answer: Answer): string =>
    NAMES.filter((name) => verdicts[name].answer === answer).join(', ');
  const [failed, proved, open] = [list('no'), list('yes'), list('unknown')];
  if (failed)
    return (
      <p class="verdict verdict-no proof-headline" role="status">
        <Icon name="block" />
        <span>
          <b>{remark ? 'This is no receipt.' : `Refused: not ${failed.replaceAll(', ', ', not ')}.`}</b>{' '}
          {showText(remark ?? firstReason(verdicts))}
        </span>
      </p>
    );
  return (
    <p class={`verdict proof-headline ${proved ? 'verdict-yes' : 'verdict-open'}`} role="status">
      <Icon name={proved ? 'allow' : 'unknown'} />
      <span>
        <b>
          {proved
            ? `Verified: ${proved}.`
            : isIntact
              ? INTACT
              : 'Nothing wrong found, and nothing proved yet.'}
        </b>
        {open && ` Not shown here: ${open}.`}
      </span>
    </p>
  );
}

function firstReason(verdicts: Verdicts): string {
  const name = NAMES.find((one) => verdicts[one].answer === 'no');
  return name ? verdicts[name].because : '';
}

function VerdictCards({ verdicts }: { readonly verdicts: Verdicts }): JSX.Element {
  return (
    <dl class="verdicts proof-verdicts">
      {NAMES.map((name) => (
        <VerdictCard key={name} name={name} verdict={verdicts[name]} />
      ))}
    </dl>
  );
}

function VerdictCard({
  name,
  verdict,
}: {
  readonly name: (typeof NAMES)[number];
  readonly verdict: Verdict;
}): JSX.Element {
  return (
    <div class={`answer answer-${verdict.answer}`} data-verdict={name} data-answer={verdict.answer}>
      <dt>
        <span class="proof-question">{QUESTIONS[name]}</span>
        <span class="proof-answer">
          <Icon name={ICONS[verdict.answer]} /> {name} <b>{verdict.answer}</b>{' '}
          <span class="sr-only">({ANSWERS[verdict.answer]})</span>
        </span>
      </dt>
      <dd>{showText(verdict.because, 1000)}</dd>
    </div>
  );
}

function Outcome({
  outcome,
  result,
}: {
  readonly outcome: FileOutcome;
  readonly result: TaskResult;
}): JSX.Element {
  const { report } = outcome;
  return (
    <section class="card proof-file" aria-label={showText(report.path, 80)}>
      <header>
        <h2>
          <bdi>{showText(report.path, 120)}</bdi>
        </h2>
        <p class="dim num">
          {describeRows(outcome)}
          {report.ledgerId !== null && (
            <>
              {', ledger '}
              <code>{showText(report.ledgerId, 64)}</code>
            </>
          )}
        </p>
      </header>
      <KeyTable chains={report.chains} pinned={result.pinned} />
      <CapList caps={report.caps} verdicts={report.verdicts} />
      <ProblemTable report={report} />
    </section>
  );
}

function describeRows({ kind, report }: FileOutcome): string {
  const rows = countOf(report.rows, 'row');
  const signers = report.chains.length > 0 ? ` by ${countOf(report.chains.length, 'signer')}` : '';
  if (kind === 'receipt') return 'a single receipt';
  if (kind === 'proof') return 'a receipt inside its proof';
  return `${kind === 'bundle' ? 'a bundle of ' : kind === 'array' ? 'a list of ' : ''}${rows}${signers}`;
}
