/** The saved contexts (servers by name) as `devstate context` sees them: passwords in URLs are masked. */

export interface ContextEntry {
  name: string;
  /**
   * Whether this context is the current one, which is used when no option and no environment variable names a
   * server.
   */
  current: boolean;
  /** The URL of the server, with *** in place of its password. */
  url: string;
  namespace: string | null;
  dialect: 'node' | 'python' | null;
  readOnly: boolean;
  /** True: a write to several devices asks for confirmation. False: it does not, except `unregister`. */
  protected: boolean;
  /** The path of a PEM file with the certificate authorities to trust. */
  ca: string | null;
  /** The path of a PEM file with the client's certificate. */
  cert: string | null;
  /** The path of a PEM file with the private key of `cert`. */
  key: string | null;
  /** True: the server's certificate is not verified. False: connecting fails if it is not valid. */
  insecure: boolean;
  /** `device`: the user is a device with a login of its own; null: another user. */
  role: 'device' | null;
  /** With the role `device`: the number of partitions of the fleet; null: one. */
  partitions: number | null;
  /** With the role `device`: how many reports the history of a device keeps; null: the default. */
  historyCap: number | null;
}

export interface SavedContextChanges {
  protected?: boolean;
  /** The fields to remove from the context (`--unset`). */
  unset: readonly Exclude<keyof ContextEntry, 'name' | 'current' | 'url' | 'protected'>[];
}

/**
 * The saved contexts. Each method throws DevstateError USAGE for an unknown name, and for a file that cannot be
 * used.
 */
export interface SavedContextStore {
  list(): Promise<ContextEntry[]>;
  /** Returns a context; without a name, the one that `--context` names, else the current one. */
  get(name?: string): Promise<ContextEntry>;
  /** Makes a context the current one, and returns it. */
  use(name: string): Promise<ContextEntry>;
  /**
   * Adds or changes a context, and returns it: the global options of this command line and `changes` are saved in
   * it.
   */
  set(name: string, changes: SavedContextChanges): Promise<ContextEntry>;
  remove(name: string): Promise<void>;
}
