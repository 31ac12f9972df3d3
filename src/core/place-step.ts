/** The place steps: a row in its signer's chain, then in the order of the whole ledger; one defect, one problem. */
import { type Placement, placeBrokenRow, placeRow } from './chain.js';
import {
  type LedgerPlace,
  passForeignRow,
  placeBrokenInLedger,
  placeInLedger,
  readLedgerPlace,
} from './ledger-order.js';
import { type LedgerState, type Row, report } from './ledger-state.js';
import type { SignerChain } from './signers.js';
import { count } from './verdicts.js';

/** Whether the row's place in its signer's chain was found without a problem. */
export function placeInChain(state: LedgerState, row: Row, signer: SignerChain | undefined): boolean {
  const { sequence, previousHash, entryHash } = row.receipt;
  const link = { index: sequence, previousHash, hash: row.realHash };
  if (!row.intact) {
    const broken = { ...link, hash: entryHash };
    if (!signer || !placeBrokenRow(signer.chain, broken, row.realHash, state.memory)) {
      state.memory.holes++;
      return false;
    }
    moveSigner(signer, row);
    return true;
  }
  if (!signer) return false;
  const placement = placeRow(signer.chain, link, state.memory);
  moveSigner(signer, row);
  return reportPlacement(state, row, signer, placement);
}

function moveSigner(signer: SignerChain, row: Row): void {
  signer.last = Math.max(signer.last, row.sequence);
  signer.head = row.receipt.entryHash;
}

/** Whether there was nothing to report. */
function reportPlacement(state: LedgerState, row: Row, signer: SignerChain, placement: Placement): boolean {
  const { sequence } = row;
  switch (placement.kind) {
    case 'follows':
      return true;
    case 'starts-late':
      signer.startsLate = true;
      report(
        state,
        'LATE_START',
        row,
        `The chain starts here: ${count(sequence, 'row')} before it were not seen.`,
      );
      return true;
    case 'gap': {
      const message = `${count(placement.missing, 'row')} of the chain missing before row ${sequence}.`;
      // Lines that could not be read, or rows missing from the ledger's order, were reported where they stand.
      if (placement.explained) signer.faults.contiguous ??= `Line ${row.line}: ${message}`;
      else report(state, 'GAP', row, message, signer);
      return placement.explained;
    }
    case 'unlinked':
      report(
        state,
        'LINK_MISMATCH',
        row,
        '"previousHash" is not the hash of the row before it in the chain.',
        signer,
      );
      return false;
    case 'out-of-order':
      report(
        state,
        'LINK_MISMATCH',
        row,
        `Row ${sequence} stands after rows of its chain that come later.`,
        signer,
      );
      return false;
    case 'repeats':
      report(
        state,
        'DUPLICATE_SEQUENCE',
        row,
        `Row ${sequence} of the chain stands in the file again.`,
        signer,
      );
      return false;
    case 'differs':
      reportSecondRow(state, row, signer, placement.sameParent);
      return false;
  }
}

function reportSecondRow(state: LedgerState, row: Row, signer: SignerChain, sameParent: boolean): void {
  if (sameParent) {
    const message = `Two different rows ${row.sequence} follow the same row: the signer wrote two histories.`;
    report(state, 'FORK', row, message, signer);
  } else {
    const message = `Another row ${row.sequence} of the chain, different in content, was seen before.`;
    report(state, 'DUPLICATE_SEQUENCE', row, message, signer);
  }
}

/** Places the row in the ledger's order. A defect that its chain has shown already is not reported again. */
export function placeInOrder(
  state: LedgerState,
  row: Row,
  signer: SignerChain | undefined,
  chained: boolean,
): void {
  const place = readLedgerPlace(row.receipt);
  if (!row.intact) passBrokenRow(state, row, place?.ok ? place.value : undefined, chained);
  else if (!place) passForeignRow(state.order, row.realHash);
  else if (place.ok) reportOrder(state, row, place.value, signer, chained);
  else {
    state.memory.holes++;
    report(state, place.code, row, place.message, signer);
  }
}

function reportOrder(
  state: LedgerState,
  row: Row,
  place: LedgerPlace,
  signer: SignerChain | undefined,
  chained: boolean,
): void {
  const found = placeInLedger(state.order, place, row.realHash, state.memory);
  if (found.missing > 0) {
    // The chains that these rows belong to will each show a gap of their own: one defect, one problem.
    state.memory.holes += found.missing;
    if (signer) signer.chain.holesSeen = state.memory.holes;
    for (const ledger of state.order.ledgers.values()) ledger.holesSeen = state.memory.holes;
  }
  if (found.startsLate && signer && !signer.startsLate) {
    report(
      state,
      'LATE_START',
      row,
      `The ledger starts here: ${count(place.index, 'row')} before it were not seen.`,
    );
  }
  if (found.message !== undefined && chained)
    report(state, 'LEDGER_ORDER_MISMATCH', row, found.message, signer);
}

function passBrokenRow(state: LedgerState, row: Row, place: LedgerPlace | undefined, chained: boolean): void {
  const hashes = { claimed: row.receipt.entryHash, real: row.realHash };
  const placed = placeBrokenInLedger(state.order, place, hashes, state.memory);
  // A row that no chain took has left its hole already.
  if (!placed && chained) state.memory.holes++;
}
