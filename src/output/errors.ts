/** Errors as they are printed on stderr: a line with a hint below it, or with JSON output one JSON object. */

import { escapeText } from './escape.js';
import { formatJson } from './formatter.js';

export interface ShownError {
  code: string;
  message: string;
  /** `unknown`: the write that failed may have been done. */
  outcome?: string | undefined;
  hint?: string | undefined;
}

/**
 * The most characters of a message. A longer one is cut off, because parsers quote the text that they could not
 * read, which may be megabytes.
 */
const MAX_CHARACTERS = 1000;

/**
 * Returns an error as text for stderr.
 * @param options `line`: the number of the input line that failed, for an item of a file
 */
export function formatError(
  { code, message: whole, outcome, hint }: ShownError,
  options: { isJson: boolean; line?: number | undefined },
): string {
  const { isJson, line } = options;
  const message = whole.length > MAX_CHARACTERS ? `${whole.slice(0, MAX_CHARACTERS)}…` : whole;
  if (isJson) return `${formatJson({ error: { code, message, outcome, hint, line } })}\n`;
  const where = line === undefined ? '' : `line ${line}: `;
  return `devstate: ${where}${escapeText(message)}\n${hint === undefined ? '' : `hint: ${escapeText(hint)}\n`}`;
}
