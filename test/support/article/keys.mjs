/** The keys and channels of the article's programs. */
export const HEARTBEAT_PREFIX = 'device:heartbeat:';
export const REGISTERED = 'devices:registered';
export const ONLINE = 'devices:online';
export const PRESENCE = 'devices:presence';

export const heartbeatKey = (id) => HEARTBEAT_PREFIX + id;
export const stateKey = (id) => `device:state:${id}`;
export const typeKey = (type) => `devices:type:${type}`;
export const commandsChannel = (id) => `device:${id}:commands`;
