/** Something that is read at first use and kept for a while: who asks meanwhile shares the answer. */
export class Kept<Value> {
  readonly #read: () => Promise<Value>;
  readonly #keptFor: (value: Value) => number;
  #value: Promise<Value> | undefined;
  #until = 0;

  /** @param keptFor ms; a read that fails is not kept */
  constructor(read: () => Promise<Value>, keptFor: (value: Value) => number) {
    this.#read = read;
    this.#keptFor = keptFor;
  }

  get(): Promise<Value> {
    if (this.#value && Date.now() < this.#until) return this.#value;
    this.#until = Number.POSITIVE_INFINITY;
    const reading = this.#read().then(
      (value) => {
        if (this.#value === reading) this.#until = Date.now() + this.#keptFor(value);
        return value;
      },
      (error: unknown) => {
        if (this.#value === reading) this.forget();
        throw error;
      },
    );
    this.#value = reading;
    return reading;
  }

  /** Also what is being read. */
  forget(): void {
    this.#value = undefined;
  }
}
