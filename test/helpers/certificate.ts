/** A self-signed certificate for localhost, written byte by byte, so that no test needs a tool or a key in the tree. */
import { generateKeyPairSync, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

/** P-256, valid for a day around now unless told otherwise. */
export function makeCertificate(host = 'localhost', validUntilMs = Date.now() + 86_400_000): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = tag(0x30, oid(1, 2, 840, 10045, 4, 3, 2));
  const name = tag(0x30, tag(0x31, tag(0x30, oid(2, 5, 4, 3), tag(0x0c, Buffer.from(host)))));
  const validity = tag(0x30, time(validUntilMs - 2 * 86_400_000), time(validUntilMs));
  const names = tag(0x30, tag(0x82, Buffer.from(host)), tag(0x87, Buffer.from([127, 0, 0, 1])));
  const isAuthority = tag(0x30, tag(0x01, Buffer.from([0xff])));
  const extensions = tag(
    0x30,
    tag(0x30, oid(2, 5, 29, 17), tag(0x04, names)),
    tag(0x30, oid(2, 5, 29, 19), tag(0x04, isAuthority)),
  );
  const body = tag(
    0x30,
    tag(0xa0, tag(0x02, Buffer.from([2]))),
    tag(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tag(0xa3, extensions),
  );
  const signature = tag(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  const der = tag(0x30, body, algorithm, signature);
  const lines = der.toString('base64').replace(/(.{64})/g, '$1\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** One DER value: its tag, its length, what it holds. */
function tag(kind: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([kind, ...size]), content]);
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  const bytes = rest.flatMap((arc) => {
    const septets = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    return septets;
  });
  return tag(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

/** UTCTime: two digits for the year. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return tag(0x17, Buffer.from(`${digits}Z`));
}
