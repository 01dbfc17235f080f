/** Errors as stderr shows them: a line for people with a hint below, or one JSON object for programs. */

import { escapeText } from './escape.js';
import { formatJson } from './formatter.js';

export interface ShownError {
  code: string;
  message: string;
  hint?: string | undefined;
}

/** An error is a line, whatever went into it: parsers quote what they could not read. */
const LONGEST = 1000;

/** `line`: the input line at fault, for batches. */
export function formatError(
  { code, message: whole, hint }: ShownError,
  options: { isJson: boolean; line?: number | undefined },
): string {
  const { isJson, line } = options;
  const message = whole.length > LONGEST ? `${whole.slice(0, LONGEST)}…` : whole;
  if (isJson) return `${formatJson({ error: { code, message, hint, line } })}\n`;
  const where = line === undefined ? '' : `line ${line}: `;
  return `devstate: ${where}${escapeText(message)}\n${hint === undefined ? '' : `hint: ${escapeText(hint)}\n`}`;
}
