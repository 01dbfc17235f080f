/** The options that several commands have with the same meaning. */
import { validType } from '../../core/model/identifiers.js';
import { parseCount } from '../../input/duration.js';
import type { Option } from './declaration.js';

export const ONLY_TYPE: Option = {
  flags: '--type <type>',
  summary: 'only devices of this type',
  parse: validType,
};

export const LIMIT: Option = {
  flags: '--limit <n>',
  summary: 'print at most this many',
  parse: parseCount,
};

export const FAIL_IF_EMPTY: Option = {
  flags: '--fail-if-empty',
  summary: 'exit 4 if the list is empty',
};

/**
 * Returns the option `--sort`.
 * @param keys the sort keys that the command offers
 */
export function sortOption(keys: readonly string[]): Option {
  return {
    flags: '--sort <key>',
    summary:
      'sort by this key; by id, or on a fleet with shared writers, the whole list is read into memory first',
    values: keys,
  };
}

/** The option `--fail-fast`, of commands that read items from a file (`-f FILE`). */
export const FAIL_FAST: Option = {
  flags: '--fail-fast',
  summary: 'with -f: stop at the first line that fails',
};
