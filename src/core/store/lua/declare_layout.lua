-- declare_layout: writes the layout of the fleet to a partition, unless the layout changes and the partition has devices:
--        they would be left behind. Scripts of callers that believe in another layout do nothing from then on.
-- KEYS   registered layout |
-- ARGV   testTime notAfter permissionCheck dialectName channel logCap maxFieldBytes layout partitions former |
--        partitions: the new layout, as a number of partitions; former: the number so far.
-- Reply  {now, 1}: written; {now, 0}: not written, because the partition has devices.
-- Events none.
-- @include base

local hasDevices = redis.call('EXISTS', registeredKey) == 1
if hasDevices and partitions ~= former then return {now, 0} end
redis.call('SET', layoutKey, partitions)
return {now, 1}
