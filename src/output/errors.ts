/** Errors as stderr shows them: a line for people with a hint below, or one JSON object for programs. */

import { visible } from './escape.js';
import { jsonText } from './formatter.js';

export interface ShownError {
  code: string;
  message: string;
  hint?: string | undefined;
}

/** `line`: the input line at fault, for batches. */
export function errorText(
  { code, message, hint }: ShownError,
  options: { machine: boolean; line?: number | undefined },
): string {
  const { machine, line } = options;
  if (machine) return `${jsonText({ error: { code, message, hint, line } })}\n`;
  const where = line === undefined ? '' : `line ${line}: `;
  return `devstate: ${where}${visible(message)}\n${hint === undefined ? '' : `hint: ${visible(hint)}\n`}`;
}
