/**
 * Listens to an event of a long-lived emitter that is shared: a client, or an AbortSignal that a caller passes to many
 * calls. However many listeners wait for the event, the emitter itself has only one, because Node prints a warning if
 * it has more than ten.
 */
import type { EventEmitter } from 'node:events';

interface Shared {
  readonly listeners: Set<() => void>;
  /** Removes the one listener that calls all the others. */
  readonly stop: () => void;
}

const sharedOf = new WeakMap<EventEmitter | AbortSignal, Map<string, Shared>>();

/**
 * Calls `listener` at each event.
 * @returns a function that removes the listener. It must be called when the listener is no longer needed.
 */
export function onEvent(
  emitter: EventEmitter | AbortSignal,
  event: string,
  listener: () => void,
): () => void {
  const events = sharedOf.get(emitter) ?? new Map<string, Shared>();
  sharedOf.set(emitter, events);
  const { listeners, stop } = events.get(event) ?? share(emitter, event);
  events.set(event, { listeners, stop });
  const own = () => listener(); // unique, so that a function that was passed twice is called twice
  listeners.add(own);
  return () => {
    if (!listeners.delete(own) || listeners.size > 0) return;
    stop();
    events.delete(event);
  };
}

function share(emitter: EventEmitter | AbortSignal, event: string): Shared {
  const listeners = new Set<() => void>();
  const callAll = () => {
    for (const listener of listeners) listener();
  };
  if (emitter instanceof AbortSignal) {
    emitter.addEventListener(event, callAll);
    return { listeners, stop: () => emitter.removeEventListener(event, callAll) };
  }
  emitter.on(event, callAll);
  return { listeners, stop: () => emitter.off(event, callAll) };
}
