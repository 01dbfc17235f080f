/**
 * The exit codes of the program, for error codes and for signals. The table in the README is generated from
 * EXIT_CODES.
 */
import type { ErrorCode } from '../core/model/errors.js';

export const EXIT_CODES: readonly { exit: number; code: string; when: string }[] = [
  { exit: 0, code: '', when: 'done; an empty list is done' },
  { exit: 1, code: 'INTERNAL', when: 'a bug, or a reply that nobody expected' },
  { exit: 1, code: 'BAD_RECORD', when: 'a record of the wrong type or with broken JSON (in a list: 7)' },
  { exit: 1, code: 'OUTPUT', when: 'standard output cannot be written, as on a full disk' },
  {
    exit: 2,
    code: 'USAGE',
    when: 'unknown command or option, bad id, JSON or duration, unreadable file; refused by `--read-only` or a read-only context; needs `--yes` and there is no terminal',
  },
  { exit: 3, code: 'NOT_FOUND', when: 'the device is not registered' },
  {
    exit: 4,
    code: 'CONDITION',
    when: 'asked and false: `delta --exit-code` out of sync, `--fail-if-empty` on an empty list, `--count` not reached when `--for` ends, a confirmation declined',
  },
  {
    exit: 5,
    code: 'CONNECTION',
    when: 'unreachable, timed out, authentication or permission refused, or lost before the answer (`outcome` unknown)',
  },
  { exit: 6, code: 'CONFLICT', when: 'version mismatch, `register --if-new` on a registered id' },
  { exit: 7, code: 'PARTIAL', when: 'a batch in which some items failed' },
  { exit: 130, code: '', when: 'interrupted, after closing cleanly' },
  { exit: 143, code: '', when: 'terminated, after closing cleanly' },
];

export function exitOf(code: ErrorCode): number {
  return EXIT_CODES.find((row) => row.code === code)?.exit ?? 1;
}

const SIGNAL_EXITS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Returns the exit code of a command that SIGINT or SIGTERM ended; undefined if the signal was not aborted, or was
 * aborted for another reason.
 */
export function exitOfSignal({ reason }: AbortSignal): number | undefined {
  return typeof reason === 'string' ? SIGNAL_EXITS[reason] : undefined;
}
