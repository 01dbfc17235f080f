-- register: a device is known from now on, or gets another type, metadata or TTL. Never
-- wipes: what another program wrote of it stays, what is missing is completed.
-- KEYS   registered types activity | state type oldType
-- ARGV   now dialect channel logCap historyCap onlyIfNew | id type oldType metadata ttl
-- Reply  {1, created, registered at}; {2, type}: the old type is this one by now, come again;
--        {3}: registered already, and only if new was asked.
-- Events none.
-- @include base
-- @include record

local now = moment()
probe('SCARD', 'SCARD', 'ZCARD', 'HLEN', 'SCARD', 'SCARD')
local id, newType, oldType, metadata, ttl = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local device = deviceReader({'registered', 'reported', 'desired', 'metadata'})(id, KEYS[4])
local created = not device
if device and ARGV[6] == '1' then return {3} end
if device and device.type ~= oldType then return {2, device.type} end

local dialect = device and device.dialect or DIALECTS[1]
local fields = {}
local function set(name, value)
  table.insert(fields, dialect[name])
  table.insert(fields, value)
end

local registeredAt = device and milliseconds(dialect, text(device.values[EXTRA])) or 0
if registeredAt == 0 then
  registeredAt = now
  set('registered', instant(dialect, now))
end
set('id', id)
set('type', newType)
if metadata ~= '' then set('metadata', metadata) end
for name, value in pairs({status = 'offline', lastSeen = '0', reported = '{}', desired = '{}', metadata = '{}'}) do
  if not (name == 'metadata' and metadata ~= '') and redis.call('HEXISTS', KEYS[4], dialect[name]) == 0 then
    set(name, value)
  end
end
if ttl ~= '' then
  local state = device and device.state or unpackState('')
  state[OWN_TTL] = tonumber(ttl)
  table.insert(fields, 'devstate')
  table.insert(fields, packState(state))
end

redis.call('SADD', KEYS[1], id)
if device and oldType ~= newType then
  redis.call('SREM', KEYS[6], id)
  if redis.call('EXISTS', KEYS[6]) == 0 then redis.call('SREM', KEYS[2], oldType) end
end
redis.call('SADD', KEYS[5], id)
redis.call('SADD', KEYS[2], newType)
redis.call('ZADD', KEYS[3], 'NX', '0', id)
redis.call('HSET', KEYS[4], unpack(fields))
return {1, created and 1 or 0, registeredAt}
