-- The layout of the fleet: how many partitions it has. `devstate init` writes it to the key `layout` of every partition,
-- of the former layout too. A caller that believes in another layout would write to keys that are no longer used, so the
-- script does nothing and replies LAYOUT. A fleet whose layout was never written there has the one that its settings say.
local declaredLayout = redis.call('GET', layoutKey)
if declaredLayout and declaredLayout ~= layout then return redis.error_reply('LAYOUT changed') end
