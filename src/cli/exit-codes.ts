/** What the command ends with (docs/cli.md, exit codes): scripts and CI live from these. */

export const EXIT_CODES = {
  /** Done, or verified. */
  ok: 0,
  /** Verification failed, or something that was looked at is wrong. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** Nothing there, or a file that cannot be read or is not safe to use. */
  unreadable: 3,
  /** Verified, but a verdict that was required is not proved. */
  unproved: 4,
  /** The network or the service at its other end failed. */
  network: 5,
  /** A fault of this program. */
  bug: 70,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
