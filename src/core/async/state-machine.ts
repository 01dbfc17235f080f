/**
 * Holds the mode of a component that works in named modes. The component decides by the mode, and
 * changes it here only, so every change is checked against the component's table of transitions.
 */
import { DevstateError } from '../model/errors.js';

export class StateMachine<Mode extends string> {
  readonly #name: string;
  readonly #transitions: Readonly<Record<Mode, readonly Mode[]>>;
  #mode: Mode;

  /**
   * @param name the name of the component, for the error
   * @param transitions for each mode, the modes that may follow it
   */
  constructor(name: string, initial: Mode, transitions: Readonly<Record<Mode, readonly Mode[]>>) {
    this.#name = name;
    this.#mode = initial;
    this.#transitions = transitions;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /**
   * Changes the mode. Has no effect if it is the current mode already.
   * @throws DevstateError INTERNAL if the table does not list this transition
   */
  change(to: Mode): void {
    if (to === this.#mode) return;
    if (!this.#transitions[this.#mode].includes(to))
      throw new DevstateError('INTERNAL', `${this.#name}: no transition from ${this.#mode} to ${to}`);
    this.#mode = to;
  }
}
