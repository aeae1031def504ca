{
  description = "otto, a task runner in which tasks pass data";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      manifest = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package;
      each = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: rec {
        otto = pkgs.rustPlatform.buildRustPackage {
          pname = manifest.name;
          version = manifest.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          # The suite wants shells and languages that a sandbox lacks: script/test runs it.
          doCheck = false;
          postInstall = ''
            $out/bin/otto Man > otto.1
            installManPage otto.1
            for shell in bash zsh fish; do
              $out/bin/otto Completions $shell > otto.$shell
            done
            installShellCompletion otto.bash otto.zsh otto.fish
          '';
          meta = {
            description = manifest.description;
            homepage = manifest.repository;
            license = with pkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "otto";
          };
        };
        default = otto;
      });
    };
}
