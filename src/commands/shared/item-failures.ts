/** Counts and reports failures of single items, in a command that goes on with the other items. */
import { DevstateError, type ErrorCode, isConnectionError } from '../../core/model/errors.js';
import type { Context } from './context.js';

export class ItemFailures {
  readonly #context: Pick<Context, 'failure'>;
  readonly #codes = new Set<ErrorCode>();
  #count = 0;

  constructor(context: Pick<Context, 'failure'>) {
    this.#context = context;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Prints the failure of an item on stderr and counts it.
   * @param line the number of the item's input line, from 1; undefined: the item is not from a file
   */
  record(error: DevstateError, line?: number): void {
    this.#count += 1;
    this.#codes.add(error.code);
    this.#context.failure(error, line);
  }

  /**
   * Prints and counts an error that concerns one item.
   * @throws the error if it concerns the whole command: a lost connection, or an error that is no DevstateError
   */
  recordOrThrow(error: unknown): void {
    if (!(error instanceof DevstateError) || isConnectionError(error)) throw error;
    this.record(error);
  }

  /**
   * Returns the error code that the command ends with: undefined without failures; the failures' own code if they
   * have the same one and nothing succeeded; else PARTIAL.
   * @param succeeded the number of items that succeeded
   */
  errorCode(succeeded: number): ErrorCode | undefined {
    const [code] = this.#codes;
    if (code === undefined) return undefined;
    return succeeded === 0 && this.#codes.size === 1 ? code : 'PARTIAL';
  }
}
