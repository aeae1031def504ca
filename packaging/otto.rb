class Otto < Formula
  desc "Task runner in which tasks pass data"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/otto-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256:aarch64-apple-darwin@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/otto-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256:x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/otto-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256:aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/otto-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256:x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "otto"
    man1.install "otto.1"
    bash_completion.install "otto.bash" => "otto"
    zsh_completion.install "otto.zsh" => "_otto"
    fish_completion.install "otto.fish"
  end

  test do
    (testpath/"otto.yml").write <<~YAML
      tasks:
        build:
          bash: OUTPUT[version]=1.2.3
        show:
          needs: [build]
          bash: echo "${INPUT[build.version]}"
    YAML
    assert_equal "1.2.3\n", shell_output("#{bin}/otto -q show")
  end
end
