/** "Verify in this browser": each step as it came out, and the verdict. The server's word is no part of it. */
import type { JSX } from 'preact';
import { Icon } from '../icons.js';
import { showText } from '../text.js';
import type { ReceiptCheck, Step, StepAnswer } from '../verify/receipt-steps.js';

export type CheckState =
  | { readonly kind: 'idle' | 'running' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'done'; readonly check: ReceiptCheck };

const WORDS: Readonly<Record<StepAnswer, string>> = { yes: 'holds', no: 'fails', unknown: 'not shown' };

export function VerifyCard({
  state,
  onVerify,
}: {
  readonly state: CheckState;
  readonly onVerify: () => void;
}): JSX.Element {
  return (
    <section class="verify" aria-label="Verification">
      <button type="button" class="button primary" disabled={state.kind === 'running'} onClick={onVerify}>
        <Icon name="shield" /> {state.kind === 'running' ? 'Verifying…' : 'Verify in this browser'}
      </button>
      {state.kind === 'failed' && <p class="verdict verdict-no">{showText(state.message)}</p>}
      {state.kind === 'done' && <Outcome check={state.check} />}
    </section>
  );
}

function Outcome({ check }: { readonly check: ReceiptCheck }): JSX.Element {
  return (
    <>
      <p class={`verdict verdict-${check.ok ? 'yes' : 'no'}`} role="status">
        <Icon name={check.ok ? 'allow' : 'block'} />
        <span>
          <b>{check.ok ? 'Verified here' : 'Refused: this receipt is not what was signed'}</b>
          {check.ok && ' The row is exactly what the holder of its key signed.'}
        </span>
      </p>
      <ol class="steps">
        {check.steps.map((step) => (
          <StepLine key={step.title} step={step} />
        ))}
      </ol>
      {check.report.problems
        .filter(({ severity }) => severity === 'error')
        .map((problem) => (
          <p key={problem.code} class="problem">
            <code>{problem.code}</code> {showText(problem.message)}
          </p>
        ))}
    </>
  );
}

/** Two figures that are the same are one line. */
function joinEqual(figures: Step['figures']): Step['figures'] {
  const [first, second, ...rest] = figures;
  if (!first || !second || first[1] !== second[1]) return figures;
  return [[`${first[0]} = ${second[0]}`, first[1]], ...rest];
}

/** One step with its answer, its sentence and the figures that were compared. */
export function StepLine({ step }: { readonly step: Step }): JSX.Element {
  return (
    <li class={`step step-${step.answer}`}>
      <Icon name={step.answer === 'yes' ? 'allow' : step.answer === 'no' ? 'close' : 'unknown'} />
      <div>
        <b>{step.title}</b> <span class="step-word">{WORDS[step.answer]}</span>
        <p>{showText(step.says)}</p>
        {joinEqual(step.figures).map(([name, value]) => (
          <p key={name} class="step-figure">
            <span class="dim">{name}</span> <code>{showText(value)}</code>
          </p>
        ))}
      </div>
    </li>
  );
}
