/** What is registered of a device, and the result. */

export interface Registration {
  deviceId: string;
  deviceType: string;
  /** False: the device was registered already, and was updated. */
  created: boolean;
  /** When it was first registered, epoch ms. */
  registeredAt: number;
}

export interface RegisterOptions {
  /** JSON text of an object that replaces the metadata. Not given: unchanged. */
  metadataJson?: string;
  /** The device's own heartbeat TTL, ms. Not given: unchanged. */
  ttl?: number;
  /** True: fails with CONFLICT if the device is registered already. */
  onlyIfNew?: boolean;
}

/** A device to register. */
export interface Registrant extends Omit<RegisterOptions, 'onlyIfNew'> {
  id: string;
  type: string;
}
