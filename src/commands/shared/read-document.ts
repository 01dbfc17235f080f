import type { JsonObject } from '../../core/model/json.js';
import { parseDocument } from '../../input/document.js';
import { readText } from '../../input/lines.js';
import type { Context } from './context.js';

/**
 * Reads a document from arguments: KEY=VALUE, JSON text, @FILE, or `-` for standard input.
 * @throws DevstateError USAGE: the arguments, or the text read, are not valid
 */
export function readDocument(context: Context, args: readonly string[]): Promise<JsonObject> {
  return parseDocument(
    args,
    async (name) => readText(await context.open(name)),
    (message) => context.notice(message),
  );
}
