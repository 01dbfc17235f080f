-- One entry of a history list, which never holds more than its cap; a cap of 0 keeps none.
local function remember(key, entry)
  local cap = tonumber(ARGV[5])
  if cap > 0 then
    redis.call('RPUSH', key, entry)
    redis.call('LTRIM', key, -cap, -1)
  end
end

local function documentEntry(at, version, text)
  return '{"at":' .. int(at) .. ',"version":' .. int(version) .. ',"value":' .. text .. '}'
end
