-- Compares how many partitions the fleet has with what the caller believes. `devstate init` writes the number to the key
-- `layout` of every partition, of the former partitions too. A caller that believes in another number would write to keys
-- that are no longer used, so the script does nothing and replies LAYOUT. If the key is missing, nothing is compared.
local declaredLayout = redis.call('GET', layoutKey)
if declaredLayout and declaredLayout ~= layout then return redis.error_reply('LAYOUT changed') end
