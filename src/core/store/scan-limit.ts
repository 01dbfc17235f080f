/**
 * Ends a scan that does not end by itself. Redis' cursors go through a set once, but a broken server may give cursors
 * without end, or the connection may be lost again and again, so that the scan never reaches its end.
 */
import { DevstateError } from '../model/errors.js';

/**
 * The most replies in a row without members. A reply has none if the server found 2,000 empty places of its table in a
 * row; a table that once held 100 million members, and holds few now, gives that many.
 */
const MAX_EMPTY_REPLIES = 65_536;
/**
 * A scan may find at most MAX_SHARE_FOUND times the members that the set had at the start, and MAX_MORE_FOUND more.
 * While Redis makes the table smaller a member may be found several times, and other clients may add members meanwhile.
 */
const MAX_SHARE_FOUND = 4;
const MAX_MORE_FOUND = 10_000;
/** The most times that a scan starts again because another server replied. */
const MAX_RESTARTS = 50;

export class ScanLimit {
  readonly #maxFound: number;
  #found = 0;
  #emptyReplies = 0;
  #restarts = 0;

  /** @param size how many members the set has */
  constructor(size: number) {
    this.#maxFound = MAX_SHARE_FOUND * size + MAX_MORE_FOUND;
  }

  /**
   * Notes a reply of the scan.
   * @param count how many members it has
   * @param isRestart whether the scan must start again
   * @throws DevstateError CONNECTION: the scan would not end
   */
  note(count: number, isRestart: boolean): void {
    this.#emptyReplies = count === 0 ? this.#emptyReplies + 1 : 0;
    this.#found += count;
    if (this.#emptyReplies > MAX_EMPTY_REPLIES || this.#found > this.#maxFound)
      throw new DevstateError('CONNECTION', 'the server does not end the scan of a set', {
        reason: 'MALFORMED_REPLY',
      });
    if (!isRestart) return;
    this.#restarts += 1;
    if (this.#restarts > MAX_RESTARTS)
      throw new DevstateError('CONNECTION', 'the connection was lost too often during the scan of a set');
    this.#found = 0;
  }
}
