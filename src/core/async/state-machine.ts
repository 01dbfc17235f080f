/**
 * Holds the mode of a component that works in named modes, such as "starting". A component keeps its mode in
 * a `StateMachine` only, so that every change is checked against the component's table of allowed transitions.
 */
import { DevstateError } from '../model/errors.js';

export class StateMachine<Mode extends string> {
  readonly #name: string;
  readonly #transitions: Readonly<Record<Mode, readonly Mode[]>>;
  #mode: Mode;

  /**
   * @param name the name of the component, for the error message
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
   * Changes the mode. It has no effect if `to` is the current mode.
   * @throws DevstateError INTERNAL if the table of transitions does not allow `to` after the current mode
   */
  change(to: Mode): void {
    if (to === this.#mode) return;
    if (!this.#transitions[this.#mode].includes(to))
      throw new DevstateError('INTERNAL', `${this.#name}: no transition from ${this.#mode} to ${to}`);
    this.#mode = to;
  }
}
