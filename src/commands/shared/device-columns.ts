/** Table columns of a device, used by every command that lists devices. */
import type { DeviceRecord, Status } from '../../core/model/device.js';
import type { Column, Highlight } from '../../output/view.js';

/** A device as it is now, or as it was at a past moment. Status null: not known at that moment. */
export type ShownDevice = Omit<DeviceRecord, 'status'> & { status: Status | null };

type DeviceColumn<Field extends keyof ShownDevice> = Column<Pick<ShownDevice, Field>>;

/** The first columns of every list of devices: id, type, status. */
export const IDENTITY: readonly DeviceColumn<'deviceId' | 'deviceType' | 'status'>[] = [
  { header: 'DEVICE', cell: ({ deviceId }) => deviceId },
  { header: 'TYPE', cell: ({ deviceType }) => deviceType ?? '-' },
  { header: 'STATUS', cell: ({ status }) => status ?? '-', highlight: ({ status }) => toneOf(status) },
];

export const LAST_SEEN: DeviceColumn<'lastSeen'> = {
  header: 'LAST-SEEN',
  cell: ({ lastSeen }, times) => times.ago(lastSeen),
};

export const EXPIRES: DeviceColumn<'expiresAt'> = {
  header: 'EXPIRES',
  cell: ({ expiresAt }, times) => times.until(expiresAt),
};

export const REGISTERED: DeviceColumn<'registeredAt'> = {
  header: 'REGISTERED',
  cell: ({ registeredAt }, times) => times.ago(registeredAt),
};

export const METADATA: DeviceColumn<'metadataJson'> = {
  header: 'METADATA',
  cell: ({ metadataJson }) => metadataJson,
};

export function toneOf(status: Status | null): Highlight | undefined {
  if (status === null) return undefined;
  return status === 'online' ? 'good' : 'bad';
}
