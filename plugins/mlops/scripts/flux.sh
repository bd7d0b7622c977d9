#!/bin/sh
# flux asks its plugins themselves for completion. This makes the plugin one of flux (2.9 or newer): a link in its folder.
set -eu
folder=${FLUXCD_PLUGINS:-$HOME/.fluxcd/plugins}
program=$(command -v @FIRST@)
mkdir -p "$folder"
ln -sf "$program" "$folder/flux-@REST@"
echo "flux @REST@ is $folder/flux-@REST@ -> $program"
