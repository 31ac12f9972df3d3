/**
 * Receipts in the fragment of an address, which no browser sends: the version, `d` when a dictionary was used, a point, and
 * base64url of compressed bytes, which are the receipt's line and, after a line feed, its proof without the line itself.
 *
 *   https://…/verify#1d.7VZbb9s2FP4rAp8l…
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { concatBytes, decodeUtf8, encodeUtf8 } from './bytes.js';
import { MAX_LINE_BYTES } from './row-reader.js';
import { SHARE_DICTIONARY } from './share-dictionary.js';
import { MAX_PROOF_BYTES, parseTlogProof, printTlogProof } from './tlog-proof.js';

/** Version of the form. */
export const SHARE_VERSION = '1';
/** A longer fragment is not looked at. */
export const MAX_FRAGMENT_CHARS = 262_144;
/** However small the fragment is, it never becomes more than this. */
export const MAX_SHARED_BYTES = MAX_LINE_BYTES + MAX_PROOF_BYTES;

/** Raw DEFLATE (RFC 1951) of the platform. `primed`: it made use of the dictionary, which browsers cannot. */
export type Deflate = (
  bytes: Uint8Array,
  dictionary: Uint8Array,
) => Promise<{ readonly data: Uint8Array; readonly primed: boolean }>;
/** Its inverse; stops at `maxBytes`. `undefined` for bytes that are no such data, or would become more. */
export type Inflate = (bytes: Uint8Array, maxBytes: number) => Promise<Uint8Array | undefined>;

/** What a link carries. Nothing in it was checked. */
export type SharedReceipt =
  | { readonly kind: 'receipt'; readonly bytes: Uint8Array }
  /** A tlog-proof with the receipt inside. */
  | { readonly kind: 'proof'; readonly bytes: Uint8Array };

export type ShareReading =
  | { readonly ok: true; readonly value: SharedReceipt }
  | { readonly ok: false; readonly message: string };

const LINE_FEED = 0x0a;
const DICTIONARY = encodeUtf8(SHARE_DICTIONARY);

/**
 * The fragment for a receipt, without `#`.
 *
 * @param shared a line without its line feed, or a tlog-proof with a line inside
 * @throws RangeError for a proof without a receipt, and for what no link can carry
 */
export async function encodeShareFragment(shared: SharedReceipt, deflate: Deflate): Promise<string> {
  const packed = shared.kind === 'receipt' ? shared.bytes : packProof(shared.bytes);
  const { data, primed } = await deflate(packed, DICTIONARY);
  const url = encodeBase64(data).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const fragment = `${SHARE_VERSION}${primed ? 'd' : ''}.${url}`;
  if (fragment.length > MAX_FRAGMENT_CHARS) throw new RangeError('the receipt is too long for a link');
  return fragment;
}

/** Reads a fragment, with or without `#`, from anybody. Never rejects because of it: what is wrong comes as a sentence. */
export async function decodeShareFragment(fragment: string, inflate: Inflate): Promise<ShareReading> {
  const text = fragment.replace(/^#/, '');
  if (text.length > MAX_FRAGMENT_CHARS)
    return bad(`The link is longer than ${MAX_FRAGMENT_CHARS} characters, so it is no link to a receipt.`);
  const [, version, form, body] = /^(\d{1,4})(d?)\.([\w-]*)$/.exec(text) ?? [];
  if (version === undefined || body === undefined)
    return bad('The part of the address after # is no receipt: it may have been cut off when it was copied.');
  if (version !== SHARE_VERSION)
    return bad(`The link is of version ${version}, which this page does not know: take a newer page.`);
  const padded = body.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (body.length % 4)) % 4);
  const data = decodeBase64(padded);
  const packed = data && data.length > 0 ? await unfold(data, form === 'd', inflate) : undefined;
  if (!packed || packed.length === 0)
    return bad('The receipt in the link cannot be unpacked: the link was cut off or changed on its way.');
  return unpack(packed);
}

/**
 * No browser takes a dictionary. A stored block with its text in front of the data does the same: what follows may refer back
 * to it, and its bytes are dropped afterwards.
 */
async function unfold(data: Uint8Array, primed: boolean, inflate: Inflate): Promise<Uint8Array | undefined> {
  if (!primed) return inflate(data, MAX_SHARED_BYTES);
  const { length } = DICTIONARY;
  const header = Uint8Array.of(0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff);
  const all = await inflate(concatBytes(header, DICTIONARY, data), MAX_SHARED_BYTES + length);
  return all?.subarray(length);
}

function packProof(bytes: Uint8Array): Uint8Array {
  const proof = parseTlogProof(bytes);
  if (!proof.ok || !proof.value.extra) throw new RangeError('not a proof with a receipt inside');
  const { extra, ...others } = proof.value;
  return concatBytes(
    extra,
    Uint8Array.of(LINE_FEED),
    encodeUtf8(printTlogProof({ ...others, extra: undefined })),
  );
}

function unpack(packed: Uint8Array): ShareReading {
  const end = packed.indexOf(LINE_FEED);
  if (end < 0) return { ok: true, value: { kind: 'receipt', bytes: packed } };
  const proof = parseTlogProof(packed.subarray(end + 1));
  if (!proof.ok) return bad(`The proof in the link cannot be read: ${proof.message}`);
  if (proof.value.extra || decodeUtf8(packed.subarray(0, end)) === undefined)
    return bad('The link carries something else than a receipt and its proof.');
  const whole = printTlogProof({ ...proof.value, extra: packed.slice(0, end) });
  return { ok: true, value: { kind: 'proof', bytes: encodeUtf8(whole) } };
}

function bad(message: string): ShareReading {
  return { ok: false, message };
}
