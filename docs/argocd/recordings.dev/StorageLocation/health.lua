-- Health of a StorageLocation for Argo CD: the result of the operator's check.
local status = obj.status or {}

if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not checked the newest spec yet." }
end
for _, found in ipairs(status.conditions or {}) do
  if found.type == "Ready" then
    if found.status == "True" then
      return { status = "Healthy", message = found.message }
    elseif found.status == "False" then
      return { status = "Degraded", message = found.message }
    end
  end
end
return { status = "Progressing", message = "The operator is checking the location." }
