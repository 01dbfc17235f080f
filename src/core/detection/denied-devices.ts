/**
 * The due devices of a partition that a detector's user may not access. They stay due in the index, because the script
 * that would remove them is refused, and the detector would find them again at once. So they are left out of what it
 * finds for a while.
 */

/**
 * How long after the first denial all denied devices are left out, ms. Then all are tried again: the permissions may
 * have been given since.
 */
const LEFT_OUT_MS = 60_000;

export class DeniedDevices {
  readonly #ids = new Set<string>();
  /** When all are tried again, ms on the clock of `performance.now()`. */
  #endsAtMs = 0;

  get count(): number {
    return this.#ids.size;
  }

  add(id: string): void {
    if (this.#ids.size === 0) this.#endsAtMs = performance.now() + LEFT_OUT_MS;
    this.#ids.add(id);
  }

  /** Returns the ids without those of denied devices. */
  leaveOut(ids: readonly string[]): string[] {
    if (performance.now() >= this.#endsAtMs) this.#ids.clear();
    return ids.filter((id) => !this.#ids.has(id));
  }
}
