/** Turns the events of one partition into events of its fleet, whose ids name the partition. */
import type { PresenceEvent } from '../model/presence-event.js';
import { entryId } from '../presence/cursor.js';

/**
 * Returns the event with an id that is unique in the fleet. Each partition has a log of its own, so
 * entries of two logs may have the same id.
 * @param partitionNumber the number of the partition, from 0
 */
export function toFleetEvent(
  event: PresenceEvent,
  partitionNumber: number,
  partitionCount: number,
): PresenceEvent {
  return { ...event, id: event.id === null ? null : entryId(event.id, partitionNumber, partitionCount) };
}
