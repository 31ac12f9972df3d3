/** A policy's caps and rules in words, with its text as it was kept. The text is data: it is only read and shown. */
import type { JSX } from 'preact';
import { isObject, type Json, type JsonObject } from '../../src/core/json.js';
import { parseCents, printUsd } from '../../src/core/money.js';
import { showAmount } from '../amount.js';
import { Icon } from '../icons.js';
import { showText } from '../text.js';

export function PolicyWords({ text }: { readonly text: string }): JSX.Element {
  const policy = readObject(text);
  return (
    <>
      {policy && (
        <ul class="policy-words">
          {listOf(policy.caps).map((cap) => (
            <li key={JSON.stringify(cap)}>{capInWords(cap)}</li>
          ))}
          {listOf(policy.rules).map((rule) => (
            <li key={JSON.stringify(rule)}>
              <Icon name={rule.effect === 'deny' ? 'block' : 'allow'} /> {ruleInWords(rule)}
            </li>
          ))}
          {isObject(policy.tasks ?? null) &&
            Object.entries(policy.tasks as JsonObject).map(([task, value]) => (
              <li key={`task ${task}`}>
                task <bdi>{showText(task, 60)}</bdi> uses{' '}
                <code>{word(isObject(value) ? value.model : '')}</code>
              </li>
            ))}
        </ul>
      )}
      <details class="raw">
        <summary>Its text</summary>
        <pre tabIndex={0}>
          <code>
            {policy
              ? JSON.stringify(policy, null, 2)
                  .split('\n')
                  .map((line) => showText(line, 500))
                  .join('\n')
              : showText(text, 20_000)}
          </code>
        </pre>
      </details>
    </>
  );
}

function capInWords(cap: JsonObject): JSX.Element {
  const then = cap.action === 'downgrade' ? `downgrade to ${word(cap.downgradeTo)}` : word(cap.action);
  return (
    <>
      <b class="num">{limitInWords(cap)}</b> {word(cap.window).replaceAll('_', ' ')}
      {cap.per ? ` for each ${word(cap.per)}` : ''}
      {isObject(cap.selector ?? null) ? ` where ${selectorInWords(cap.selector as JsonObject)}` : ''}, then{' '}
      {then}
      {cap.reason ? <span class="dim"> ({word(cap.reason)})</span> : ''}
    </>
  );
}

function limitInWords({ amountCents, maxRequests, maxTokens }: JsonObject): string {
  if (typeof maxRequests === 'number') return `${maxRequests} requests`;
  if (typeof maxTokens === 'number') return `${maxTokens} tokens`;
  const amount =
    typeof amountCents === 'number' || typeof amountCents === 'string' ? parseCents(amountCents) : undefined;
  return amount === undefined ? 'a limit' : showAmount(printUsd(amount));
}

function ruleInWords({ effect, resource, when, reason }: JsonObject): JSX.Element {
  return (
    <>
      {word(effect)} <code>{word(resource)}</code>
      {isObject(when ?? null) ? ` when ${selectorInWords(when as JsonObject)}` : ''}
      {reason ? <span class="dim"> ({word(reason)})</span> : ''}
    </>
  );
}

function selectorInWords(selector: JsonObject): string {
  return Object.entries(selector)
    .map(([key, value]) => `${showText(key, 40)} ${word(value)}`)
    .join(', ');
}

function word(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return showText(typeof value === 'string' ? value : JSON.stringify(value), 200);
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function readObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
