/** Texts as small numbers: a column of an index holds codes, each different text is kept once. */

export interface Dictionary {
  /** The code of a text, from 0; a new text gets the next one. The empty text is 0. */
  encode(text: string): number;
  /** @throws RangeError for a code that was never given. */
  decode(code: number): string;
  /** The code of a text that is there. */
  find(text: string): number | undefined;
  /** How many codes there are. */
  readonly size: number;
}

export function createDictionary(): Dictionary {
  const codes = new Map<string, number>([['', 0]]);
  const texts: string[] = [''];
  return {
    encode(text) {
      const known = codes.get(text);
      if (known !== undefined) return known;
      // A piece cut out of a line would keep the whole line in memory.
      const own = flatten(text);
      codes.set(own, texts.length);
      return texts.push(own) - 1;
    },
    decode(code) {
      const text = texts[code];
      if (text === undefined) throw new RangeError(`no text has the code ${code}`);
      return text;
    },
    find: (text) => codes.get(text),
    get size() {
      return texts.length;
    },
  };
}

/** Whether a text has some quality, asked once for each different text, however many rows have it. */
export function createMask(
  dictionary: Dictionary,
  test: (text: string) => boolean,
): (code: number) => boolean {
  const [unknown, no, yes] = [0, 1, 2];
  let answers = new Uint8Array(256);
  return (code) => {
    if (code >= answers.length) {
      const larger = new Uint8Array(Math.max(2 * answers.length, code + 1));
      larger.set(answers);
      answers = larger;
    }
    if (answers[code] === unknown) answers[code] = test(dictionary.decode(code)) ? yes : no;
    return answers[code] === yes;
  };
}

function flatten(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
