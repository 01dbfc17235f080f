/** Opens what a command reads: a file, or standard input. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import type { Input } from '../commands/shared/context.js';
import { fileProblem, quote, usageError } from '../core/model/errors.js';

/**
 * Opens a file or standard input. A file is opened at once, so that an unreadable file is reported before the
 * command changes anything.
 * @param name a path, or `-` for standard input
 * @param signal when it is aborted, standard input is destroyed, so that a read that waits for it ends
 * @throws DevstateError USAGE: the file cannot be read
 */
export async function openInput(
  name: string,
  stdin: Readable,
  signal: AbortSignal,
): Promise<Readable & Input> {
  if (name === '-') return addAbortSignal(signal, stdin);
  try {
    const file = await open(name);
    const stat = await file.stat();
    if (stat.isDirectory()) {
      await file.close();
      throw new Error('it is a directory');
    }
    return Object.assign(createReadStream(name, { fd: file }), stat.isFile() && { size: stat.size });
  } catch (error) {
    throw usageError(`cannot read ${quote(name)}: ${fileProblem(error)}`);
  }
}
