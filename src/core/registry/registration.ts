/** The types of registering a device: what the caller gives, and what it gets back. */

export interface Registration {
  deviceId: string;
  deviceType: string;
  /** True: the device is new. False: it was registered already, and its registration was updated. */
  created: boolean;
  /** When the device was registered first, epoch ms. */
  registeredAt: number;
}

export interface RegisterOptions {
  /** The JSON text of an object that replaces the device's metadata. Not given: the metadata stays as it is. */
  metadataJson?: string;
  /** The TTL of the device's heartbeats that give none themselves, ms. Not given: it stays as it is. */
  ttl?: number;
  /**
   * True: a device that is registered already is not updated, but fails with CONFLICT. False (default): its
   * registration is updated.
   */
  onlyIfNew?: boolean;
}

/** A device that the caller wants to register. */
export interface Registrant extends Omit<RegisterOptions, 'onlyIfNew'> {
  id: string;
  type: string;
}
