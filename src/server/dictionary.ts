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

/** Which texts of a dictionary have some quality, asked once for each different text, however many rows have it. */
export interface Mask {
  /** Asks about the texts that came since. */
  refresh(): void;
  /** 1 for each code whose text has it; good until the next `refresh`. */
  readonly answers: Uint8Array;
  /** Whether any text has it. */
  readonly hasAny: boolean;
}

export function createMask(dictionary: Dictionary, test: (text: string) => boolean): Mask {
  let answers = new Uint8Array(256);
  let asked = 0;
  let hasAny = false;
  return {
    refresh() {
      if (dictionary.size > answers.length) {
        const larger = new Uint8Array(2 * dictionary.size);
        larger.set(answers);
        answers = larger;
      }
      for (; asked < dictionary.size; asked++) {
        if (!test(dictionary.decode(asked))) continue;
        answers[asked] = 1;
        hasAny = true;
      }
    },
    get answers() {
      return answers;
    },
    get hasAny() {
      return hasAny;
    },
  };
}

function flatten(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
