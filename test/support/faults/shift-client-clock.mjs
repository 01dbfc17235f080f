/**
 * Shifts the clock of a Node process by DEVSTATE_TEST_CLOCK_SHIFT_MS: Date.now() and the present moment of `new Date()`
 * and `Date()`. Monotonic clocks and timers stay. It is loaded with --import (shifted-clock.ts).
 */
const RealDate = Date;
const shiftMs = Number(process.env.DEVSTATE_TEST_CLOCK_SHIFT_MS);

const now = () => RealDate.now() + shiftMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
RealDate.prototype.constructor = globalThis.Date;
